import { message } from '../message.ts'
import { array, bytes, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/** Sets and deletes users' SCRAM credentials (KIP-554). Source: AlterUserScramCredentialsRequest.json. */
export const alterUserScramCredentialsRequest = message({
  name: 'AlterUserScramCredentialsRequest',
  key: 51,
  versions: [0, 0],
  flexible: 0,
  fields: {
    deletions: field(array(struct('ScramCredentialDeletion', { name: field(string), mechanism: field(int8) }))),
    upsertions: field(
      array(
        struct('ScramCredentialUpsertion', {
          name: field(string),
          mechanism: field(int8), // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
          iterations: field(int32),
          salt: field(bytes),
          saltedPassword: field(bytes),
        }),
      ),
    ),
  },
})

/** Source: AlterUserScramCredentialsResponse.json. */
export const alterUserScramCredentialsResponse = message({
  name: 'AlterUserScramCredentialsResponse',
  key: 51,
  versions: [0, 0],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    results: field(
      array(
        struct('AlterUserScramCredentialsResult', {
          user: field(string),
          errorCode: field(int16),
          errorMessage: field(nullable(string)),
        }),
      ),
    ),
  },
})

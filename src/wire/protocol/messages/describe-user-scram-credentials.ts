import { message } from '../message.ts'
import { array, field, int8, int16, int32, nullable, string, struct } from '../types.ts'

/** Describes users' SCRAM credentials, without secrets (KIP-554). Source: DescribeUserScramCredentialsRequest.json. */
export const describeUserScramCredentialsRequest = message({
  name: 'DescribeUserScramCredentialsRequest',
  key: 50,
  versions: [0, 0],
  flexible: 0,
  fields: {
    // null or none: all
    users: field(nullable(array(struct('UserName', { name: field(string) })))),
  },
})

/** Source: DescribeUserScramCredentialsResponse.json. */
export const describeUserScramCredentialsResponse = message({
  name: 'DescribeUserScramCredentialsResponse',
  key: 50,
  versions: [0, 0],
  flexible: 0,
  fields: {
    throttleTimeMs: field(int32, { default: 0 }),
    errorCode: field(int16),
    errorMessage: field(nullable(string)),
    results: field(
      array(
        struct('DescribeUserScramCredentialsResult', {
          user: field(string),
          errorCode: field(int16),
          errorMessage: field(nullable(string)),
          credentialInfos: field(
            array(
              struct('CredentialInfo', {
                mechanism: field(int8), // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
                iterations: field(int32),
              }),
            ),
          ),
        }),
      ),
    ),
  },
})

import { message } from '../message.ts'
import { bytes, field, int16, int64, nullable, string } from '../types.ts'

/** Carries one token of the SASL exchange (KIP-152). v1 answers with the session's lifetime (KIP-368); v2 flexible. Source: SaslAuthenticateRequest.json. */
export const saslAuthenticateRequest = message({
  name: 'SaslAuthenticateRequest',
  key: 36,
  versions: [0, 2],
  flexible: 2,
  fields: { authBytes: field(bytes) },
})

/** Source: SaslAuthenticateResponse.json. */
export const saslAuthenticateResponse = message({
  name: 'SaslAuthenticateResponse',
  key: 36,
  versions: [0, 2],
  flexible: 2,
  fields: {
    errorCode: field(int16),
    errorMessage: field(nullable(string)),
    authBytes: field(bytes),
    sessionLifetimeMs: field(int64, { from: 1, default: 0n }), // 0: unlimited
  },
})

import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

/** Source: SaslServerAuthenticator.handleSaslToken, KafkaApis.handleSaslAuthenticateRequest. */
export const saslAuthenticateHandler = handler('SaslAuthenticate', apis.saslAuthenticate, {
  // Tokens may be passwords, which a log is not for.
  summary: () => ({}),
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, errorMessage: injected.message, authBytes: Buffer.alloc(0) }
    const { authBytes } = call.body
    const token = Buffer.from(authBytes.buffer, authBytes.byteOffset, authBytes.byteLength)
    const answer = call.authentication.token(token)
    return {
      errorCode: answer.error === null ? 0 : errorNumber(answer.error),
      errorMessage: answer.message,
      authBytes: answer.token,
      sessionLifetimeMs: BigInt(answer.sessionLifetimeMs),
    }
  },
})

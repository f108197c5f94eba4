import { errorNumber } from '../../base/errors/index.ts'
import { apis } from '../../wire/protocol/index.ts'
import { anyInjectedError, handler } from '../call.ts'

/** Source: SaslServerAuthenticator.handleHandshakeRequest, KafkaApis.handleSaslHandshakeRequest. */
export const saslHandshakeHandler = handler('SaslHandshake', apis.saslHandshake, {
  handle(call) {
    const injected = anyInjectedError(call)
    if (injected) return { errorCode: injected.code, mechanisms: [] }
    const { error, mechanisms } = call.authentication.handshake(call.body.mechanism, call.version)
    return { errorCode: error === null ? 0 : errorNumber(error), mechanisms: [...mechanisms] }
  },
})

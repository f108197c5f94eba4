import { message } from '../message.ts'
import { array, field, int16, string } from '../types.ts'

/**
 * Chooses a SASL mechanism. After v0 the tokens follow as bare frames, after v1 inside SaslAuthenticate (KIP-152).
 * Never flexible. Source: SaslHandshakeRequest.json.
 */
export const saslHandshakeRequest = message({
  name: 'SaslHandshakeRequest',
  key: 17,
  versions: [0, 1],
  fields: { mechanism: field(string) },
})

/** Source: SaslHandshakeResponse.json. */
export const saslHandshakeResponse = message({
  name: 'SaslHandshakeResponse',
  key: 17,
  versions: [0, 1],
  fields: { errorCode: field(int16), mechanisms: field(array(string)) },
})

// Lives in base because compression throws it too, and neither room may import the other.
export { DecodeError } from '../../base/errors/decode-error.ts'

export { apiVersionsKey } from './api-keys.ts'
export { type Api, type ApiName, apiByKey, apis, isFlexible } from './apis.ts'
export { DecodeError } from './decode-error.ts'
export {
  type RequestHeader,
  readRequestHeader,
  readResponseHeader,
  writeRequestHeader,
  writeResponseHeader,
} from './header.ts'
export type { Body, Draft, Message } from './message.ts'
export { Reader } from './reader.ts'
export type { Field, Fields, WireType } from './types.ts'
export { Writer } from './writer.ts'

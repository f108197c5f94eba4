import type { NetworkError } from '../../base/errors/index.ts'
import type { Message, Reader } from '../protocol/index.ts'
import type { FinalizedFeatures } from './api-versions.ts'

/** One request whose body is already bytes, and what is to happen with its answer. */
export interface Call {
  readonly apiKey: number
  readonly apiVersion: number
  readonly flexible: boolean
  /** The body in pieces, written without copying: nobody may touch them before `onReleased`. */
  readonly body: readonly Uint8Array[]
  readonly bodyBytes: number
  /** false: acks=0. No answer comes, and the call does not enter the answer queue. */
  readonly expectsAnswer: boolean
  readonly timeoutMs: number
  /**
   * The answer's body: the reader stands after the response header, and its bytes are valid only during this call.
   * A DecodeError thrown here closes the connection as BAD_RESPONSE, and `onFailure` follows.
   */
  onAnswer(reader: Reader): void
  /** No answer will come. `sent`: its first byte may have left this process, so the outcome is unknown. */
  onFailure(error: NetworkError, sent: boolean): void
  /**
   * Exactly once, when the socket will never read `body` again: written to the kernel, or the socket is gone. It may come
   * before or after `onAnswer`, and always comes after `onFailure`.
   */
  onReleased(): void
}

/** Where calls go: a connection of this thread, or one that another thread holds. */
export interface CallTarget {
  /** The highest version that both sides speak. Throws UnsupportedVersionError. */
  versionOf(message: Message): number
  /** What the whole cluster has agreed on, as this broker told when the connection was made. */
  readonly finalizedFeatures: FinalizedFeatures
  /** Where it leads, for messages. */
  readonly remote: string
  /** Its callbacks come later, never during `send`. */
  send(call: Call): void
}

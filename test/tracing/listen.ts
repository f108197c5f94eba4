import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach } from 'vitest'
import type { ChannelMessages, RequestMessage, SendMessage } from '../../src/index.ts'

const phases = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
export type Phase = (typeof phases)[number]

const undo: (() => void)[] = []
afterEach(() => {
  for (const each of undo.splice(0)) each()
})

/** Subscribes until the test ends, or `stop()`. */
export function listen(channel: string, onMessage: (message: never) => void): { stop(): void } {
  const subscriber = onMessage as (message: unknown) => void
  subscribe(channel, subscriber)
  const stop = () => void unsubscribe(channel, subscriber)
  undo.push(stop)
  return { stop }
}

/** What is published to a plain channel. */
export function messagesOf<N extends keyof ChannelMessages>(name: N): ChannelMessages[N][] {
  const messages: ChannelMessages[N][] = []
  listen(name, (message: ChannelMessages[N]) => messages.push(message))
  return messages
}

/** Each message of a tracing channel, with the phases that it went through. */
export function traced<M extends SendMessage | RequestMessage>(name: 'ottla:send' | 'ottla:request') {
  const lives = new Map<M, Phase[]>()
  for (const phase of phases)
    listen(`tracing:${name}:${phase}`, (message: M) => {
      const life = lives.get(message)
      if (life === undefined) lives.set(message, [phase])
      else life.push(phase)
    })
  return lives
}

export const acknowledged: Phase[] = ['start', 'end', 'asyncStart', 'asyncEnd']
export const failed: Phase[] = ['start', 'end', 'error', 'asyncStart', 'asyncEnd']

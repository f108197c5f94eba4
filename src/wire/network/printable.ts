/** Text of others, fit for a message or a log line: control characters escaped, cut to a length. */
export function printable(text: string, maxLength = 200): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return cut.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, escaped)
}

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** An address as people write it: IPv6 in brackets. */
export function hostAndPort(host: string, port: number): string {
  const shown = printable(host)
  return shown.includes(':') ? `[${shown}]:${port}` : `${shown}:${port}`
}

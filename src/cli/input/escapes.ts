const named: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, '0': 0x00, '\\': 0x5c }

/**
 * The bytes of a delimiter as it is typed on a command line: `\n`, `\r`, `\t`, `\0`, `\\` and `\xNN` stand for one byte, as in kcat;
 * everything else, also a backslash before any other letter, stands for itself in UTF-8.
 */
export function unescapeBytes(typed: string): Buffer {
  const parts: Buffer[] = []
  let plainFrom = 0
  for (let at = typed.indexOf('\\'); at !== -1; at = typed.indexOf('\\', at)) {
    const hex = /^x([0-9a-fA-F]{2})/.exec(typed.slice(at + 1, at + 4))
    const byte = hex ? Number.parseInt(hex[1]!, 16) : named[typed[at + 1] ?? '']
    if (byte === undefined) {
      at++
      continue
    }
    parts.push(Buffer.from(typed.slice(plainFrom, at)), Buffer.of(byte))
    at += hex ? 4 : 2
    plainFrom = at
  }
  parts.push(Buffer.from(typed.slice(plainFrom)))
  return Buffer.concat(parts)
}

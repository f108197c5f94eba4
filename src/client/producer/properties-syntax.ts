/** One entry of a .properties text. */
export interface Property {
  readonly name: string
  readonly value: string
  /** Of its first line, from 1. */
  readonly line: number
}

/**
 * Reads Java's .properties syntax: comments (`#`, `!`), lines continued by a backslash, `=`, `:` or blanks between name and value,
 * and escapes. Repeated names are all given, in order. Source: java.util.Properties.load.
 *
 * @throws SyntaxError for a broken `\uXXXX`, naming the line; the line itself is not shown, it may hold a secret
 */
export function parseProperties(text: string): Property[] {
  const properties: Property[] = []
  for (const { line, content } of logicalLines(text.replace(/^\ufeff/, ''))) {
    const match = /^((?:\\.|[^\\=:\s])*)[ \t\f]*[=:]?[ \t\f]*(.*)$/s.exec(content)!
    properties.push({ name: withoutEscapes(match[1]!, line), value: withoutEscapes(match[2]!, line), line })
  }
  return properties
}

/** Lines as Java means them: without comments and leading blanks, and with their continuations. */
function* logicalLines(text: string): Generator<{ line: number; content: string }> {
  const lines = text.split(/\r\n|\n|\r/)
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1
    let content = withoutIndent(lines[at]!)
    // To Java a backslash alone is an empty line, and continues nothing.
    if (content === '' || content === '\\' || content.startsWith('#') || content.startsWith('!')) continue
    const parts: string[] = []
    // A comment cannot be continued, but what looks like one after a backslash belongs to the value.
    while (endsInBackslash(content)) {
      parts.push(content.slice(0, -1))
      at++
      content = withoutIndent(lines[at] ?? '')
    }
    parts.push(content)
    yield { line, content: parts.join('') }
  }
}

const withoutIndent = (line: string): string => line.replace(/^[ \t\f]+/, '')

/** Two backslashes are one that is meant, so that only an odd number continues the line. */
const endsInBackslash = (line: string): boolean => /\\*$/.exec(line)![0].length % 2 === 1

const letters: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function withoutEscapes(text: string, line: number): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, hex: string | undefined, letter: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    if (letter === 'u') throw new SyntaxError(`line ${line}: \\u is not followed by four hexadecimal digits`)
    return letters[letter] ?? letter
  })
}

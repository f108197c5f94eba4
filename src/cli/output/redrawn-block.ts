interface Terminal {
  write(text: string): unknown
  readonly columns?: number
  readonly rows?: number
}

/** Lines on a terminal that are drawn over as a whole, cut to its size. */
export class RedrawnBlock {
  readonly #terminal: Terminal
  #drawn = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** `paint` may put colours into a line; they take no room. */
  draw(lines: readonly string[], paint: (line: string) => string = line => line): void {
    const { columns, rows } = this.#terminal
    const shown = lines
      .slice(0, Math.max(1, (rows || 24) - 1))
      .map(line => line.slice(0, Math.max(10, (columns || 80) - 1)))
    const back = this.#drawn > 0 ? `\x1b[${this.#drawn}F` : ''
    this.#terminal.write(`${back}\x1b[J${shown.map(line => `${paint(line)}\n`).join('')}`)
    this.#drawn = shown.length
  }
}

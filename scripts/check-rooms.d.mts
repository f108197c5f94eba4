export type Arrows = Map<string, Map<string, number>>
export function roomOf(path: string): string | undefined
export function importsOf(text: string): { specifier: string; line: number }[]
export function checkRooms(files: Iterable<readonly [path: string, text: string]>): {
  problems: string[]
  arrows: Arrows
}
export function upwardArrows(table?: Record<string, readonly string[]>): string[]
export function picture(arrows: Arrows): string

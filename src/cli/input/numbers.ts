/** A number from 0 as it is typed; undefined for anything else. */
export function wholeNumber(text: string): number | undefined {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}

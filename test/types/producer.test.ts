import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** What the compiler says of one file under the project's own settings. */
function problemsOf(file: string): string[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [file] }, ts.sys, root)
  const program = ts.createProgram([file], options)
  const source = program.getSourceFile(file)
  expect(source, file).toBeDefined()
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ start = 0, messageText }) => {
      const { line } = source!.getLineAndCharacterOfPosition(start)
      return `line ${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    },
  )
}

test('what must compile does, and what must not does not', () => {
  expect(problemsOf(join(import.meta.dirname, 'producer.types.ts'))).toEqual([])
})

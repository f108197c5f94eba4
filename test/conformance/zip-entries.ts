import { inflateRawSync } from 'node:zlib'

const endOfDirectory = 0x06054b50
const directoryEntry = 0x02014b50
const localEntry = 0x04034b50
const stored = 0
const deflated = 8

/** The files of a ZIP archive (a jar) whose names pass, by name. Enough for jars below 4 GB: no ZIP64, no encryption. */
export function readZipEntries(archive: Buffer, wanted: (name: string) => boolean): Map<string, Buffer> {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (end < 0 || archive.readUInt32LE(end) !== endOfDirectory) throw new Error('not a ZIP archive: no end of directory')
  const count = archive.readUInt16LE(end + 10)
  let at = archive.readUInt32LE(end + 16)
  const entries = new Map<string, Buffer>()
  for (let index = 0; index < count; index++) {
    if (archive.readUInt32LE(at) !== directoryEntry) throw new Error(`ZIP directory is broken at byte ${at}`)
    const method = archive.readUInt16LE(at + 10)
    const compressedSize = archive.readUInt32LE(at + 20)
    const nameLength = archive.readUInt16LE(at + 28)
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
    if (wanted(name)) {
      const local = archive.readUInt32LE(at + 42)
      if (archive.readUInt32LE(local) !== localEntry) throw new Error(`ZIP entry ${name} is broken`)
      // The local header has lengths of its own: its extra field may differ from the directory's.
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
      const data = archive.subarray(start, start + compressedSize)
      if (method !== stored && method !== deflated) throw new Error(`ZIP entry ${name} has compression ${method}`)
      entries.set(name, method === stored ? data : inflateRawSync(data))
    }
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
  }
  return entries
}

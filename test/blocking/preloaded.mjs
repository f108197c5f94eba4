// What a program may preload, by --import or NODE_OPTIONS. It has no business in the courier's thread.
import { isMainThread } from 'node:worker_threads'

if (!isMainThread) throw new Error('preloaded in a worker thread')

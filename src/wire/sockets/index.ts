export { type Call, Connection, type ConnectionOptions } from './connection.ts'

export * from './broker-errors.ts'
export * from './kafka-error.ts'

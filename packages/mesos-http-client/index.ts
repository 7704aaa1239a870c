// What the package offers. Everything here is public; everything else may change.
export type * from './generated/messages.ts'

export type * from './mechanism.ts';

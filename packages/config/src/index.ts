export * from './connection-settings.ts';
export { loadSettings, type LoadedSettings, type SettingsRequest } from './load-settings.ts';
export { findNearMiss } from './near-miss.ts';
export { findFileInTheWay } from './section-reader.ts';
export type * from './setting-stores.ts';

export * from './connection-settings.ts';

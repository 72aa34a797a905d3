// Starts as the programs do: compiled modules kept, V8 set up for streaming.
import { launch } from '@exchange-connector/launcher';
await launch(new URL('./cookie-client.ts', import.meta.url));

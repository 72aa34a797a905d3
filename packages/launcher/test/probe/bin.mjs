#!/usr/bin/env node
import { launch } from '@exchange-connector/launcher';
await launch(new URL('./program.ts', import.meta.url));

#!/usr/bin/env node
import { launch } from '@exchange-connector/launcher';
await launch(new URL('../src/main.ts', import.meta.url));

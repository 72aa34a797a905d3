import { setFlagsFromString } from 'node:v8';

/*
 * An export makes much garbage that dies at once. V8 answers such a load by growing the space for young
 * objects, up to 64 MB and more, and keeps it: the longer the run, the more memory it takes, for a gain in
 * speed that cannot be measured here. While a run lasts, that space stays as large as it is.
 */
let runs = 0;

/** Holds the young generation at its size; the returned function lets it grow again once no run holds it. */
export function holdYoungGeneration(): () => void {
  runs += 1;
  if (runs === 1) setFlagsFromString('--semi-space-growth-factor=1');
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    runs -= 1;
    if (runs === 0) setFlagsFromString('--semi-space-growth-factor=2');
  };
}

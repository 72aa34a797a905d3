// One line a test file; in full what failed and why, and what was skipped and why. Ends with the
// counts as Node's own reporters write them.
import { relative } from 'node:path';
import { inspect } from 'node:util';
import { root } from './set-up.mjs';

function place(data) {
  if (data.file === undefined) return '';
  return ` (${relative(root, data.file)}${data.line === undefined ? '' : `:${data.line}`})`;
}

function describeFailure(data) {
  const error = data.details.error;
  const cause = error?.cause ?? error;
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: 4, colors: false });
  return `\nFAILED ${data.name}${place(data)}\n${text.replace(/^/gm, '  ')}\n`;
}

function describeSummary(file, counts, durationMs, success) {
  const skipped = counts.skipped === 0 ? '' : `, ${counts.skipped} skipped`;
  const failed = counts.failed + counts.cancelled === 0 ? '' : `, ${counts.failed + counts.cancelled} FAILED`;
  return `${success ? 'ok    ' : 'FAILED'} ${relative(root, file)}: ${counts.passed} passed${failed}${skipped} (${(durationMs / 1000).toFixed(1)} s)\n`;
}

function closingLines(counts, durationMs) {
  const rows = [
    ['tests', counts.tests],
    ['suites', counts.suites],
    ['pass', counts.passed],
    ['fail', counts.failed],
    ['cancelled', counts.cancelled],
    ['skipped', counts.skipped],
    ['todo', counts.todo],
    ['duration_ms', durationMs],
  ];
  return rows.map(([name, value]) => `ℹ ${name} ${value}\n`).join('');
}

// biome-ignore lint/style/noDefaultExport: Node's test runner loads a reporter by its default export
export default async function* report(events) {
  const failures = [];
  for await (const { type, data } of events) {
    if (type === 'test:fail') {
      // A file or suite that failed only because of a test in it says nothing new.
      const ofSubtest = data.details.error?.failureType === 'subtestsFailed';
      if (data.todo === undefined && !ofSubtest) {
        failures.push(`${data.name}${place(data)}`);
        yield describeFailure(data);
      }
    } else if (type === 'test:pass' && data.skip !== undefined) {
      yield `skipped ${data.name}: ${data.skip === true || data.skip === '' ? 'WITHOUT A REASON' : data.skip}\n`;
    } else if (type === 'test:stderr' || type === 'test:stdout') {
      yield data.message;
    } else if (type === 'test:summary') {
      if (data.file !== undefined) {
        yield describeSummary(data.file, data.counts, data.duration_ms, data.success);
        continue;
      }
      if (failures.length > 0) yield `\nFailed:\n${failures.map((name) => `  ${name}\n`).join('')}`;
      yield `\n${closingLines(data.counts, data.duration_ms)}`;
    }
  }
}

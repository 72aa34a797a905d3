import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeCliXml, decodeCliXmlFile } from '@exchange-connector/psrp';
import { JsonWriter } from '../src/json/json-value.ts';

/*
 * Real files and real messages, mapped here and by a Python program on Python's XML parser, which shares
 * no code with this one.
 */
const samples = fileURLToPath(new URL('../../../../shared/samples/', import.meta.url));
const judge = fileURLToPath(new URL('./judge/clixml_to_json.py', import.meta.url));

function skipReason(): string | false {
  if (!existsSync(samples)) return 'the samples (../shared/samples) are not here';
  return spawnSync('python3', ['--version']).status === 0 ? false : 'python3, on which the judge runs, is not here';
}

/** The judge's answer for each document: the JSON of its top-level objects. */
function judged(documents: readonly Uint8Array[]): Promise<unknown[][]> {
  return new Promise((resolve, reject) => {
    const child = execFile('python3', [judge], { maxBuffer: 1 << 28 }, (error, stdout) => {
      if (error) reject(error);
      else
        resolve(
          stdout
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line) as unknown[]),
        );
    });
    for (const document of documents)
      child.stdin?.write(`${JSON.stringify(Buffer.from(document).toString('base64'))}\n`);
    child.stdin?.end();
  });
}

/** Keys in their order included, but for those that a JavaScript object moves. */
function canonical(value: unknown): string {
  return JSON.stringify(value);
}

test('the files that Export-Clixml wrote become what an independent reading of the mapping makes of them', {
  skip: skipReason(),
}, async () => {
  const folder = `${samples}clixml/`;
  const files = [...readdirSync(folder).map((name) => folder + name), `${samples}get-mailbox-partial.clixml`];
  const documents = files.map((file) => readFileSync(file));
  const expected = await judged(documents);
  let objects = 0;
  for (const [index, document] of documents.entries()) {
    const writer = new JsonWriter();
    const got = Array.from(
      decodeCliXmlFile(document, { onObject: writer.place }),
      (value) => JSON.parse(writer.write(value)) as unknown,
    );
    assert.equal(canonical(got), canonical(expected[index]), files[index] ?? '');
    objects += got.length;
  }
  assert.ok(objects >= files.length - 1, `${objects} objects in ${files.length} files`);
});

test('everything that PowerShell 7.6 put out in its recorded sessions becomes what the judge makes of it', {
  skip: skipReason(),
}, async () => {
  const folder = `${samples}powershell-7.6/`;
  const bodies = readdirSync(folder).flatMap((name) => pipelineOutputs(readFileSync(folder + name, 'utf8')));
  assert.ok(bodies.length > 300, `only ${bodies.length} output messages were found`);
  const filled = bodies.filter((body) => body.length > 0);
  // A character that XML 1.0 forbids is no XML to Python.
  const legal = filled.filter((body) => !/&#xFFF[EF];/i.test(Buffer.from(body).toString('utf8')));
  assert.ok(legal.length >= filled.length - 2);
  const expected = await judged(legal);
  for (const [index, body] of legal.entries()) {
    const writer = new JsonWriter();
    const got = JSON.parse(writer.write(decodeCliXml(body, { onObject: writer.place }))) as unknown;
    assert.equal(canonical([got]), canonical(expected[index]), Buffer.from(body).toString('utf8').slice(0, 200));
  }
  for (const body of bodies) JSON.parse(new JsonWriter().write(decodeCliXml(body)));
});

/** The bodies of PIPELINE_OUTPUT ([MS-PSRP] 2.2.2.19) in one recording, put together from their fragments. */
function pipelineOutputs(recording: string): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  const open = new Map<bigint, Buffer[]>();
  for (const line of recording.trim().split('\n')) {
    const { dir, packet } = JSON.parse(line) as { dir: string; packet: string };
    const data = />([A-Za-z0-9+/=]+)<\/Data>/.exec(packet)?.[1];
    if (dir !== 'server' || data === undefined) continue;
    const bytes = Buffer.from(data, 'base64');
    for (let at = 0; at < bytes.length; ) {
      const object = bytes.readBigUInt64BE(at);
      const flags = bytes.readUInt8(at + 16);
      const length = bytes.readUInt32BE(at + 17);
      const parts = (flags & 1) === 1 ? [] : (open.get(object) ?? []);
      parts.push(bytes.subarray(at + 21, at + 21 + length));
      open.set(object, parts);
      at += 21 + length;
      if ((flags & 2) === 0) continue;
      const message = Buffer.concat(parts);
      if (message.readUInt32LE(4) === 0x00041004) bodies.push(message.subarray(40));
    }
  }
  return bodies;
}

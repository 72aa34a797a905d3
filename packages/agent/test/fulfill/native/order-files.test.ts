/* Files of orders as other programs write them. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';
import { people } from './random-batch.ts';

test('files of orders are read in UTF-8 and UTF-16, with their byte-order marks; what is neither is set aside', async (context) => {
  const place = new NativeRehearsal();
  context.after(() => place.dispose());
  const [a] = people(place);
  const text = (id: string): string =>
    JSON.stringify({
      ProvisioningOrdersList: [mailboxOrder(id, 'Modified', { Office: `Zoë ${id}` }, { SamAccountName: a?.sam })],
    });
  place.give();
  const utf16 = Buffer.from(`\ufeff${text('3')}`, 'utf16le');
  writeFileSync(join(place.orders, '1.json'), `\ufeff${text('1')}`);
  writeFileSync(join(place.orders, '2.json'), Buffer.from(`\ufeff${text('2')}`, 'utf16le'));
  writeFileSync(join(place.orders, '3.json'), Buffer.from(utf16).swap16());
  writeFileSync(join(place.orders, '4.json'), Buffer.from(text('4'), 'latin1'));
  const outcome = await place.fulfill();
  assert.deepEqual(place.states(), ['1 Executed', '2 Executed', '3 Executed']);
  assert.equal(place.audit('run-1').findLast(({ field }) => field === 'Office')?.after, 'Zoë 3');
  const aside = outcome.kind === 'partial' ? outcome.summary.setAside : [];
  assert.deepEqual(
    aside.map(({ file }) => file),
    ['4.json'],
  );
  assert.match(aside[0]?.reason ?? '', /save it as UTF-8/);
});

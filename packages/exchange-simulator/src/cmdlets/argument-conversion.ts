/* Arguments from the wire to what a parameter wants, as PowerShell's binder converts them. */
import { property, type PsValue, textOf } from '@exchange-connector/psrp';
import { parseByteSize } from '../organization/byte-size.ts';
import type { Parameter } from './cmdlet.ts';
import { bindingFailure, type CommandFailure } from './command-failure.ts';
import { type AddressArgument, AddressError, parseAddressArgument } from './proxy-addresses.ts';

/** 1.999999999 TB, the most that a quota can be. */
const largestSize = 2_199_023_254_528;

const switchType = /^(Deserialized\.)?System\.Management\.Automation\.SwitchParameter$/;

/** The wrapped value of an object, else the value itself. A proxy of Import-PSSession sends a switch as an object. */
function unwrap(value: PsValue): PsValue {
  if (value.kind !== 'Obj') return value;
  if (value.base !== undefined) return value.base;
  if (value.typeNames?.some((name) => switchType.test(name))) return property(value, 'IsPresent') ?? value;
  return value;
}

/** The text of an argument; undefined for null and for lists. */
export function argumentText(value: PsValue): string | undefined {
  const inner = unwrap(value);
  if (inner.kind === 'B') return inner.value ? 'True' : 'False';
  return value.kind === 'Obj' && value.display !== undefined ? value.display : textOf(inner);
}

/** The elements of an argument: of a list its items, else the argument alone; nothing for null. */
export function argumentItems(value: PsValue): readonly PsValue[] {
  const inner = unwrap(value);
  if (inner.kind === 'Nil') return [];
  return inner.kind === 'LST' || inner.kind === 'IE' || inner.kind === 'QUE' || inner.kind === 'STK'
    ? inner.items
    : [value];
}

function transformation(cmdlet: string, parameter: Parameter, detail: string): CommandFailure {
  return bindingFailure(
    cmdlet,
    'ParameterArgumentTransformationError',
    `Cannot process argument transformation on parameter '${parameter.name}'. ${detail}`,
    {
      reason: 'ParameterBindingArgumentTransformationException',
      category: 6,
    },
  );
}

function cannotConvert(
  cmdlet: string,
  parameter: Parameter,
  value: PsValue,
  type: string,
  why: string,
): CommandFailure {
  return transformation(
    cmdlet,
    parameter,
    `Cannot convert value "${argumentText(value) ?? 'System.Object[]'}" to type "${type}". ${why}`,
  );
}

function convertBoolean(cmdlet: string, parameter: Parameter, value: PsValue): boolean {
  const inner = unwrap(value);
  if (inner.kind === 'B') return inner.value;
  if (inner.kind === 'I32' || inner.kind === 'By' || inner.kind === 'I16') return inner.value !== 0;
  if (inner.kind === 'Nil' && parameter.type.kind === 'switch') return true;
  const type = parameter.type.kind === 'switch' ? 'System.Management.Automation.SwitchParameter' : 'System.Boolean';
  throw transformation(
    cmdlet,
    parameter,
    `Cannot convert value "${inner.kind === 'Nil' ? '' : inner.kind === 'S' ? 'System.String' : argumentText(value)}" to type "${type}". Boolean parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0.`,
  );
}

function convertInteger(cmdlet: string, parameter: Parameter, value: PsValue): number {
  const text = argumentText(value) ?? '';
  const number = /^\s*[+-]?\d{1,10}\s*$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  if (Number.isNaN(number) || Math.abs(number) > 2_147_483_647) {
    throw cannotConvert(cmdlet, parameter, value, 'System.Int32', 'Error: "Input string was not in a correct format."');
  }
  return number;
}

function convertResultSize(cmdlet: string, parameter: Parameter, value: PsValue): number {
  const text = (argumentText(value) ?? '').trim();
  if (text.toLowerCase() === 'unlimited') return Number.POSITIVE_INFINITY;
  if (/^\d{1,10}$/.test(text) && Number(text) > 0) return Number(text);
  throw cannotConvert(
    cmdlet,
    parameter,
    value,
    'Microsoft.Exchange.Data.Unlimited`1[System.UInt32]',
    `Error: "The value "${text}" could not be converted to type "Microsoft.Exchange.Data.Unlimited\`1[System.UInt32]"."`,
  );
}

function convertEnums(
  cmdlet: string,
  parameter: Parameter & { type: { kind: 'enum' | 'enums' } },
  value: PsValue,
): readonly string[] {
  const { type, values } = parameter.type as Extract<Parameter['type'], { values: unknown }>;
  const names = argumentItems(value).flatMap((item) =>
    (argumentText(item) ?? '').split(',').map((name) => name.trim()),
  );
  return names.map((name) => {
    const found = values.find((known) => known.toLowerCase() === name.toLowerCase());
    if (found !== undefined) return found;
    const why = `Error: "Unable to match the identifier name ${name} to a valid enumerator name. Specify one of the following enumerator names and try again: ${values.join(', ')}"`;
    throw cannotConvert(cmdlet, parameter, value, type, why);
  });
}

function convertSize(cmdlet: string, parameter: Parameter, value: PsValue): number {
  const type =
    parameter.dotNetType ?? 'Microsoft.Exchange.Data.Unlimited`1[Microsoft.Exchange.Data.ByteQuantifiedSize]';
  const text = argumentText(value) ?? '';
  const bytes = parseByteSize(text);
  if (bytes === undefined || (bytes !== Number.POSITIVE_INFINITY && bytes > largestSize)) {
    throw cannotConvert(
      cmdlet,
      parameter,
      value,
      type,
      `Error: "The string '${text}' isn't correctly formatted for a ByteQuantifiedSize. A valid value is a number up to 1.999999999 terabytes (2199023254528 bytes) or the value unlimited."`,
    );
  }
  // Sizes are kept in kilobytes.
  return bytes === Number.POSITIVE_INFINITY ? bytes : Math.ceil(bytes / 1024) * 1024;
}

function convertTimeSpan(cmdlet: string, parameter: Parameter, value: PsValue): number {
  const text = (argumentText(value) ?? '').trim();
  const match = /^(\d{1,5})(?:\.(\d{1,2}):(\d{2}):(\d{2}))?$/.exec(text);
  if (match !== null) {
    const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0)) as [
      number,
      number,
      number,
      number,
    ];
    if (hours < 24 && minutes < 60 && seconds < 60) return days + (hours * 3_600 + minutes * 60 + seconds) / 86_400;
  }
  throw cannotConvert(
    cmdlet,
    parameter,
    value,
    'Microsoft.Exchange.Data.EnhancedTimeSpan',
    'Error: "String was not recognized as a valid TimeSpan."',
  );
}

/** The addresses of an argument that was bound: it has been checked. */
export function addressArgument(value: PsValue): AddressArgument {
  return parseAddressArgument(value, { textOf: argumentText, itemsOf: argumentItems });
}

function checkAddresses(cmdlet: string, parameter: Parameter, value: PsValue): undefined {
  try {
    addressArgument(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw cannotConvert(
      cmdlet,
      parameter,
      value,
      parameter.dotNetType ?? 'Microsoft.Exchange.Data.ProxyAddressCollection',
      `Error: "${error.message}"`,
    );
  }
}

/** The converted argument of a parameter; undefined is null. */
export function convertArgument(
  cmdlet: string,
  parameter: Parameter,
  value: PsValue,
): string | boolean | number | readonly string[] | undefined {
  switch (parameter.type.kind) {
    case 'switch':
    case 'boolean':
      return convertBoolean(cmdlet, parameter, value);
    case 'integer':
      return convertInteger(cmdlet, parameter, value);
    case 'resultSize':
      return convertResultSize(cmdlet, parameter, value);
    case 'enum':
    case 'enums':
      return convertEnums(cmdlet, parameter as Parameter & { type: { kind: 'enums' } }, value);
    case 'strings':
    case 'properties':
      return argumentItems(value).map((item) => argumentText(item) ?? '');
    case 'identity': {
      const text = argumentText(value);
      if (text === '') {
        const type = parameter.dotNetType ?? 'Microsoft.Exchange.Configuration.Tasks.IdParameter';
        throw cannotConvert(
          cmdlet,
          parameter,
          value,
          type,
          `Error: "Parameter values of type ${type} can't be empty. Specify a value, and try again.\r\nParameter name: identity"`,
        );
      }
      return text;
    }
    case 'size':
      return convertSize(cmdlet, parameter, value);
    case 'timeSpan':
      return convertTimeSpan(cmdlet, parameter, value);
    case 'addresses':
      return checkAddresses(cmdlet, parameter, value);
    case 'string':
    case 'any':
      return argumentText(value);
  }
}

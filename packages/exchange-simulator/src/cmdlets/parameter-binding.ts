/*
 * Binding as PowerShell does it: names without regard to case, with or without the leading dash, by any
 * unambiguous prefix; values without a name by position; then exactly one parameter set must be left.
 */
import type { CommandParameter, PsValue } from '@exchange-connector/psrp';
import { addressArgument, convertArgument } from './argument-conversion.ts';
import type { BoundArguments, Cmdlet, Parameter } from './cmdlet.ts';
import { bindingFailure } from './command-failure.ts';

const preferences = ['SilentlyContinue', 'Stop', 'Continue', 'Inquire', 'Ignore', 'Suspend'];
const preference = (name: string, alias: string): Parameter => ({
  name,
  aliases: [alias],
  type: { kind: 'enum', type: 'System.Management.Automation.ActionPreference', values: preferences },
  dotNetType: 'System.Management.Automation.ActionPreference',
});

/** The parameters that every cmdlet has. */
export const commonParameters: readonly Parameter[] = [
  { name: 'Verbose', aliases: ['vb'], type: { kind: 'switch' } },
  { name: 'Debug', aliases: ['db'], type: { kind: 'switch' } },
  preference('ErrorAction', 'ea'),
  preference('WarningAction', 'wa'),
  preference('InformationAction', 'infa'),
  { name: 'ErrorVariable', aliases: ['ev'], type: { kind: 'string' } },
  { name: 'WarningVariable', aliases: ['wv'], type: { kind: 'string' } },
  { name: 'InformationVariable', aliases: ['iv'], type: { kind: 'string' } },
  { name: 'OutVariable', aliases: ['ov'], type: { kind: 'string' } },
  { name: 'OutBuffer', aliases: ['ob'], type: { kind: 'integer' } },
  { name: 'PipelineVariable', aliases: ['pv'], type: { kind: 'string' } },
];

function findParameter(cmdlet: Cmdlet, given: string): Parameter {
  const wanted = given
    .replace(/^[-\u2013\u2014\u2015]/, '')
    .replace(/:$/, '')
    .toLowerCase();
  const all = [...cmdlet.parameters, ...commonParameters];
  const exact = all.find((parameter) =>
    [parameter.name, ...(parameter.aliases ?? [])].some((name) => name.toLowerCase() === wanted),
  );
  if (exact !== undefined) return exact;
  const begun = all.filter(
    (parameter) =>
      wanted !== '' &&
      [parameter.name, ...(parameter.aliases ?? [])].some((name) => name.toLowerCase().startsWith(wanted)),
  );
  // PowerShell prefers a cmdlet's own parameter to a common one only where the prefix names a single one.
  if (begun.length === 1) return begun[0] as Parameter;
  const bare = given.replace(/^-/, '');
  if (begun.length === 0)
    throw bindingFailure(
      cmdlet.name,
      'NamedParameterNotFound',
      `A parameter cannot be found that matches parameter name '${bare}'.`,
    );
  const matches = begun.map((parameter) => `-${parameter.name}`).join(' ');
  throw bindingFailure(
    cmdlet.name,
    'AmbiguousParameter',
    `Parameter cannot be processed because the parameter name '${bare}' is ambiguous. Possible matches include: ${matches}.`,
  );
}

/** The parameter sets that what is bound leaves. */
export function setsLeft(cmdlet: Cmdlet, isBound: (name: string) => boolean): readonly string[] {
  let left: readonly string[] = cmdlet.parameterSets ?? [];
  for (const { name, sets } of cmdlet.parameters) {
    if (sets !== undefined && isBound(name)) left = left.filter((set) => sets.includes(set));
  }
  return left;
}

function requireOneSet(cmdlet: Cmdlet, bound: ReadonlyMap<string, unknown>): void {
  if (cmdlet.parameterSets !== undefined && setsLeft(cmdlet, (name) => bound.has(name)).length === 0) {
    throw bindingFailure(
      cmdlet.name,
      'AmbiguousParameterSet',
      'Parameter set cannot be resolved using the specified named parameters.',
    );
  }
}

/** Where a parameter must be given and was not, PowerShell would ask a person, and there is none. */
function requireMandatory(cmdlet: Cmdlet, isBound: (name: string) => boolean, takesInput: boolean): void {
  const left = setsLeft(cmdlet, isBound);
  const missing = cmdlet.parameters.filter(
    ({ name, sets, mandatory, fromPipeline }) =>
      mandatory === true &&
      !isBound(name) &&
      !(takesInput && fromPipeline !== undefined) &&
      (sets === undefined || left.every((set) => sets.includes(set))),
  );
  if (missing.length === 0) return;
  throw bindingFailure(
    cmdlet.name,
    'MissingMandatoryParameter',
    `Cannot process command because of one or more missing mandatory parameters: ${missing.map(({ name }) => name).join(' ')}.`,
  );
}

/** Binds a command's parameters, or throws what PowerShell reports. */
export function bindParameters(
  cmdlet: Cmdlet,
  given: readonly CommandParameter[],
  options: { takesInput?: boolean } = {},
): BoundArguments {
  const values = new Map<string, ReturnType<typeof convertArgument>>();
  const raws = new Map<string, PsValue>();
  const positional: PsValue[] = [];
  const bind = (parameter: Parameter, value: PsValue): void => {
    if (raws.has(parameter.name)) {
      throw bindingFailure(
        cmdlet.name,
        'ParameterAlreadyBound',
        `Cannot bind parameter because parameter '${parameter.name}' is specified more than once. To provide multiple values to parameters that can accept multiple values, use the array syntax. For example, "-parameter value1,value2,value3".`,
      );
    }
    raws.set(parameter.name, value);
    values.set(parameter.name, convertArgument(cmdlet.name, parameter, value));
  };
  for (const { name, value } of given) {
    if (name === undefined || name === '') positional.push(value);
    else bind(findParameter(cmdlet, name), value);
  }
  const free = cmdlet.parameters
    .filter((parameter) => parameter.position !== undefined && !raws.has(parameter.name))
    .sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  for (const [index, value] of positional.entries()) {
    const parameter = free[index];
    if (parameter === undefined) {
      const text = 'value' in value ? String(value.value) : value.kind;
      throw bindingFailure(
        cmdlet.name,
        'PositionalParameterNotFound',
        `A positional parameter cannot be found that accepts argument '${text}'.`,
      );
    }
    bind(parameter, value);
  }
  requireOneSet(cmdlet, values);
  requireMandatory(cmdlet, (name) => raws.has(name), options.takesInput === true);
  return {
    has: (name) => raws.has(name),
    flag: (name) => values.get(name) === true,
    text: (name) => {
      const value = values.get(name);
      return typeof value === 'string' ? value : Array.isArray(value) ? (value[0] as string | undefined) : undefined;
    },
    texts: (name) => {
      const value = values.get(name);
      return Array.isArray(value) ? (value as readonly string[]) : typeof value === 'string' ? [value] : undefined;
    },
    number: (name) => {
      const value = values.get(name);
      return typeof value === 'number' ? value : undefined;
    },
    raw: (name) => raws.get(name),
    addresses: (name) => {
      const value = raws.get(name);
      return value === undefined ? undefined : addressArgument(value);
    },
  };
}

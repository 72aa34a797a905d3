export interface Violation {
  readonly path: string;
  readonly wall: string;
  readonly message: string;
}
export function findViolations(files: ReadonlyMap<string, string>): Violation[];
export function readSources(root: string): Map<string, string>;

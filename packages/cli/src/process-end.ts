/**
 * Ends the process. A call into the security library that waits for a dead KDC would hold
 * `process.exit`, so that library's own way out takes over once it is loaded.
 */
export class ProcessEnd {
  #exit: (status: number) => never = (status) => process.exit(status);

  /** From now on `exit` ends the process. */
  use(exit: (status: number) => never): void {
    this.#exit = exit;
  }

  now(status: number): never {
    return this.#exit(status);
  }
}

/** Where the rows of one file go; sorted and made unique by `key` on the other side. */
export interface RowSink {
  /**
   * Takes a row. A later row of the same key replaces the earlier one.
   * @param key a GUID in lower case
   * @param line with its CRLF
   * @param group what rows are counted by
   */
  put(key: string, line: string, group: string): void;
  /** Forgets all rows: they will come again. */
  restart(): void;
  /** Leaves out, in the end, the rows whose key is not wanted: those of objects that are gone by now. */
  keepOnly?(isWanted: (key: string) => boolean): void;
}

/** A value of a field: as Exchange shows it, as an order gives it, as a parameter takes it. It is JSON as it stands. */
export type FieldValue = string | number | boolean | null | readonly string[];

/** Fields by their names in Exchange's spelling. */
export type Fields = Readonly<Record<string, FieldValue>>;

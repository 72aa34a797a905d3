/**
 * Why something was not done, in five classes: the object is not there; another object or order is in the way; a
 * guard, a setting or the account's rights forbid it; the order itself is wrong; the server could not at this time.
 */
export const refusalClasses = ['not-found', 'conflict', 'not-allowed', 'invalid', 'transient'] as const;
export type RefusalClass = (typeof refusalClasses)[number];

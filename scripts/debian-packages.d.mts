/** Brings in what a realm runs on, a KDC and its tools; says on standard error what could not be had. */
export function installRealmPackages(): Promise<void>;

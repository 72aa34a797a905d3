/* What is written to the directory, and travels from the controller where it began to all the others. */
import type { DatabaseSettings, ExchangeServer } from './forest.ts';
import type { StoredAttributes } from './live-recipient.ts';

/** What is stored of a container. */
export interface UnitAttributes {
  readonly guid: string;
  readonly domainName: string;
  readonly parentGuid: string | undefined;
  readonly name: string;
  readonly isContainer: boolean;
  readonly isDeleted: boolean;
}

/** A new container; it is an organisational unit. */
export function unitAttributesOfNew(
  unit: Pick<UnitAttributes, 'guid' | 'domainName' | 'parentGuid' | 'name'>,
): UnitAttributes {
  return { ...unit, isContainer: false, isDeleted: false };
}

/** What is stored of a database. */
export interface DatabaseAttributes {
  readonly guid: string;
  readonly index: number;
  readonly name: string;
  readonly server: ExchangeServer;
  readonly copies: readonly ExchangeServer[];
  readonly sizeBytes: number;
  readonly whenCreatedMs: number;
  readonly settings: DatabaseSettings;
  readonly isDeleted: boolean;
}

/** Configuration is held by every controller, a domain by its own and by global catalogs. */
export const configuration = 'configuration';

export type DirectoryTarget =
  | {
      readonly kind: 'recipient';
      readonly id: number;
      readonly attributes: Partial<StoredAttributes> & { readonly isDeleted?: boolean };
    }
  | { readonly kind: 'unit'; readonly guid: string; readonly attributes: Partial<UnitAttributes> }
  | { readonly kind: 'database'; readonly guid: string; readonly attributes: Partial<DatabaseAttributes> };

/** One originating write. `sequence` orders writes of one attribute: the later one stays, wherever it began. */
export interface DirectoryWrite {
  readonly sequence: number;
  readonly atMs: number;
  /** The controller on which it began. */
  readonly origin: string;
  /** `configuration`, or the name of the domain that holds the object. */
  readonly partition: string;
  readonly target: DirectoryTarget;
}

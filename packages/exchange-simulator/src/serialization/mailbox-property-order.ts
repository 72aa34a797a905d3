/*
 * The 228 properties of a Mailbox object in the order of the wire, as Exchange 2016 sends them under partial
 * serialization, each with the tag that it has where nothing else is known of it.
 */

const listing = `
  S:Database Nil:MailboxProvisioningConstraint Nil:MailboxRegion Nil:MailboxRegionLastUpdateTime B:MessageCopyForSentAsEnabled
  B:MessageCopyForSendOnBehalfEnabled Obj:MailboxProvisioningPreferences B:UseDatabaseRetentionDefaults
  B:RetainDeletedItemsUntilBackup B:DeliverToMailboxAndForward B:IsExcludedFromServingHierarchy B:IsHierarchyReady
  B:IsHierarchySyncEnabled B:HasSnackyAppData B:LitigationHoldEnabled B:SingleItemRecoveryEnabled B:RetentionHoldEnabled
  Nil:EndDateForRetentionHold Nil:StartDateForRetentionHold S:RetentionComment S:RetentionUrl Nil:LitigationHoldDate
  S:LitigationHoldOwner B:ElcProcessingDisabled B:ComplianceTagHoldApplied B:WasInactiveMailbox B:DelayHoldApplied
  Nil:InactiveMailboxRetireTime Nil:OrphanSoftDeleteTrackingTime S:LitigationHoldDuration Nil:ManagedFolderMailboxPolicy
  Nil:RetentionPolicy Nil:AddressBookPolicy B:CalendarRepairDisabled G:ExchangeGuid Nil:MailboxContainerGuid Nil:UnifiedMailbox
  Obj:MailboxLocations Obj:AggregatedMailboxGuids S:ExchangeSecurityDescriptor S:ExchangeUserAccountControl S:AdminDisplayVersion
  B:MessageTrackingReadStatusEnabled S:ExternalOofOptions Nil:ForwardingAddress Nil:ForwardingSmtpAddress S:RetainDeletedItemsFor
  B:IsMailboxEnabled Obj:Languages Nil:OfflineAddressBook S:ProhibitSendQuota S:ProhibitSendReceiveQuota S:RecoverableItemsQuota
  S:RecoverableItemsWarningQuota S:CalendarLoggingQuota B:DowngradeHighPriorityMessagesEnabled Obj:ProtocolSettings S:RecipientLimits
  B:ImListMigrationCompleted Nil:SiloName B:IsResource B:IsLinked B:IsShared B:IsRootPublicFolderMailbox S:LinkedMasterAccount
  B:ResetPasswordOnNextLogon Nil:ResourceCapacity Obj:ResourceCustom Nil:ResourceType Nil:RoomMailboxAccountEnabled S:SamAccountName
  Nil:SCLDeleteThreshold Nil:SCLDeleteEnabled Nil:SCLRejectThreshold Nil:SCLRejectEnabled Nil:SCLQuarantineThreshold
  Nil:SCLQuarantineEnabled Nil:SCLJunkThreshold Nil:SCLJunkEnabled B:AntispamBypassEnabled S:ServerLegacyDN S:ServerName
  B:UseDatabaseQuotaDefaults S:IssueWarningQuota S:RulesQuota S:Office S:UserPrincipalName B:UMEnabled Nil:MaxSafeSenders
  Nil:MaxBlockedSenders Nil:NetID Nil:ReconciliationId S:WindowsLiveID S:MicrosoftOnlineServicesID Nil:ThrottlingPolicy
  S:RoleAssignmentPolicy Nil:DefaultPublicFolderMailbox Nil:EffectivePublicFolderMailbox S:SharingPolicy Nil:RemoteAccountPolicy
  Nil:MailboxPlan Nil:ArchiveDatabase G:ArchiveGuid Obj:ArchiveName S:JournalArchiveAddress S:ArchiveQuota S:ArchiveWarningQuota
  Nil:ArchiveDomain S:ArchiveStatus S:ArchiveState B:AutoExpandingArchiveEnabled B:DisabledMailboxLocations S:RemoteRecipientType
  Nil:DisabledArchiveDatabase G:DisabledArchiveGuid Nil:QueryBaseDN B:QueryBaseDNRestrictionEnabled Nil:MailboxMoveTargetMDB
  Nil:MailboxMoveSourceMDB S:MailboxMoveFlags S:MailboxMoveRemoteHostName S:MailboxMoveBatchName S:MailboxMoveStatus S:MailboxRelease
  S:ArchiveRelease B:IsPersonToPersonTextMessagingEnabled B:IsMachineToPersonTextMessagingEnabled Obj:UserSMimeCertificate
  Obj:UserCertificate B:CalendarVersionStoreDisabled S:ImmutableId Obj:PersistedCapabilities Nil:SKUAssigned B:AuditEnabled
  S:AuditLogAgeLimit Obj:AuditAdmin Obj:AuditDelegate Obj:AuditOwner DT:WhenMailboxCreated S:SourceAnchor Nil:UsageLocation
  B:IsSoftDeletedByRemove B:IsSoftDeletedByDisable B:IsInactiveMailbox B:IncludeInGarbageCollection Nil:WhenSoftDeleted
  Obj:InPlaceHolds Obj:GeneratedOfflineAddressBooks B:AccountDisabled Nil:StsRefreshTokensValidFrom Nil:DataEncryptionPolicy
  B:DisableThrottling Obj:Extensions B:HasPicture B:HasSpokenName B:IsDirSynced Obj:AcceptMessagesOnlyFrom
  Obj:AcceptMessagesOnlyFromDLMembers Obj:AcceptMessagesOnlyFromSendersOrMembers Obj:AddressListMembership Obj:AdministrativeUnits
  S:Alias Nil:ArbitrationMailbox Obj:BypassModerationFromSendersOrMembers S:OrganizationalUnit S:CustomAttribute1 S:CustomAttribute10
  S:CustomAttribute11 S:CustomAttribute12 S:CustomAttribute13 S:CustomAttribute14 S:CustomAttribute15 S:CustomAttribute2
  S:CustomAttribute3 S:CustomAttribute4 S:CustomAttribute5 S:CustomAttribute6 S:CustomAttribute7 S:CustomAttribute8 S:CustomAttribute9
  Obj:ExtensionCustomAttribute1 Obj:ExtensionCustomAttribute2 Obj:ExtensionCustomAttribute3 Obj:ExtensionCustomAttribute4
  Obj:ExtensionCustomAttribute5 S:DisplayName Obj:EmailAddresses Obj:GrantSendOnBehalfTo S:ExternalDirectoryObjectId
  B:HiddenFromAddressListsEnabled Nil:LastExchangeChangedTime S:LegacyExchangeDN S:MaxSendSize S:MaxReceiveSize Obj:ModeratedBy
  B:ModerationEnabled Obj:PoliciesIncluded Obj:PoliciesExcluded B:EmailAddressPolicyEnabled S:PrimarySmtpAddress S:RecipientType
  S:RecipientTypeDetails Obj:RejectMessagesFrom Obj:RejectMessagesFromDLMembers Obj:RejectMessagesFromSendersOrMembers
  B:RequireSenderAuthenticationEnabled S:SimpleDisplayName S:SendModerationNotifications Obj:UMDtmfMap S:WindowsEmailAddress
  Nil:MailTip Obj:MailTipTranslations S:Identity B:IsValid S:ExchangeVersion S:Name S:DistinguishedName G:Guid S:ObjectCategory
  Obj:ObjectClass DT:WhenChanged DT:WhenCreated DT:WhenChangedUTC DT:WhenCreatedUTC S:OrganizationId S:Id S:OriginatingServer
  S:ObjectState
`;

export type PropertyTag = 'S' | 'Nil' | 'B' | 'Obj' | 'DT' | 'G';

/** Tag and name of each property, in wire order. */
export const mailboxPropertyOrder: readonly (readonly [PropertyTag, string])[] = listing
  .trim()
  .split(/\s+/)
  .map((entry) => entry.split(':') as [PropertyTag, string]);

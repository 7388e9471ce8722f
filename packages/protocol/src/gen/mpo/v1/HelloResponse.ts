// Original file: mpo/v1/fleet.proto

import type { DocumentVersion as _mpo_v1_DocumentVersion, DocumentVersion__Output as _mpo_v1_DocumentVersion__Output } from '../../mpo/v1/DocumentVersion.ts';
import type { DesiredEnvelope as _mpo_v1_DesiredEnvelope, DesiredEnvelope__Output as _mpo_v1_DesiredEnvelope__Output } from '../../mpo/v1/DesiredEnvelope.ts';
import type { ProbeOrder as _mpo_v1_ProbeOrder, ProbeOrder__Output as _mpo_v1_ProbeOrder__Output } from '../../mpo/v1/ProbeOrder.ts';
import type { Long } from '@grpc/proto-loader';

export interface HelloResponse {
  'serverTimeMs'?: (number | string | Long);
  'desiredVersion'?: (_mpo_v1_DocumentVersion | null);
  'desired'?: (_mpo_v1_DesiredEnvelope | null);
  'probes'?: (_mpo_v1_ProbeOrder)[];
  'heartbeatSeconds'?: (number);
  'natsServers'?: (string)[];
}

export interface HelloResponse__Output {
  'serverTimeMs': (string);
  'desiredVersion': (_mpo_v1_DocumentVersion__Output | null);
  'desired': (_mpo_v1_DesiredEnvelope__Output | null);
  'probes': (_mpo_v1_ProbeOrder__Output)[];
  'heartbeatSeconds': (number);
  'natsServers': (string)[];
}

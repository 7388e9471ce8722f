// Original file: mpo/v1/device.proto

import type { Gpu as _mpo_v1_Gpu, Gpu__Output as _mpo_v1_Gpu__Output } from '../../mpo/v1/Gpu.ts';
import type { Long } from '@grpc/proto-loader';

export interface Inventory {
  'deviceClass'?: (string);
  'board'?: (string);
  'cpuModel'?: (string);
  'cpuCores'?: (number);
  'memoryBytes'?: (number | string | Long);
  'swapBytes'?: (number | string | Long);
  'gpus'?: (_mpo_v1_Gpu)[];
  'os'?: (string);
  'kernel'?: (string);
  'architecture'?: (string);
  'agentVersion'?: (string);
  'nodeVersion'?: (string);
  'engineVersion'?: (string);
}

export interface Inventory__Output {
  'deviceClass': (string);
  'board': (string);
  'cpuModel': (string);
  'cpuCores': (number);
  'memoryBytes': (string);
  'swapBytes': (string);
  'gpus': (_mpo_v1_Gpu__Output)[];
  'os': (string);
  'kernel': (string);
  'architecture': (string);
  'agentVersion': (string);
  'nodeVersion': (string);
  'engineVersion': (string);
}

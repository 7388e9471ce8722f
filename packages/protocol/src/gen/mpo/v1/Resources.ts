// Original file: mpo/v1/device.proto

import type { Long } from '@grpc/proto-loader';

export interface Resources {
  'measuredAtMs'?: (number | string | Long);
  'memoryAvailableBytes'?: (number | string | Long);
  'memoryLimitBytes'?: (number | string | Long);
  'diskFreeBytes'?: (number | string | Long);
  'loadAverage'?: (number | string);
  'memoryPressurePercent'?: (number | string);
  'cpuPressurePercent'?: (number | string);
  'temperatureCelsius'?: (number | string);
  'isThrottled'?: (boolean);
  '_memoryLimitBytes'?: "memoryLimitBytes";
  '_memoryPressurePercent'?: "memoryPressurePercent";
  '_cpuPressurePercent'?: "cpuPressurePercent";
  '_temperatureCelsius'?: "temperatureCelsius";
}

export interface Resources__Output {
  'measuredAtMs': (string);
  'memoryAvailableBytes': (string);
  'memoryLimitBytes'?: (string);
  'diskFreeBytes': (string);
  'loadAverage': (number);
  'memoryPressurePercent'?: (number);
  'cpuPressurePercent'?: (number);
  'temperatureCelsius'?: (number);
  'isThrottled': (boolean);
}

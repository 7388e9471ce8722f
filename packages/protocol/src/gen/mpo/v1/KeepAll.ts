// Original file: mpo/v1/config.proto


export interface KeepAll {
}

export interface KeepAll__Output {
}

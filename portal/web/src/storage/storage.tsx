// SPDX-License-Identifier: Apache-2.0
export function StoragePage(_: {rest: string[]}) { return <p>…</p>; }

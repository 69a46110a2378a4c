// SPDX-License-Identifier: Apache-2.0
export function Submit(_: {rest: string[]}) { return <p>…</p>; }

// SPDX-License-Identifier: Apache-2.0
export function Job(_: {rest: string[]}) { return <p>…</p>; }

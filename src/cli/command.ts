// What a command's file exports.
import type { Command } from 'commander'

/** Adds the command to the program. */
export type AddCommand = (program: Command) => void

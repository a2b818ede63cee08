// Arguments of user.present.
import { z } from 'zod'

export const name = z.string().min(1).describe('the user')
const number = z.number().int().min(0)
const text = z.string().regex(/^[^:,\n\r]*$/, 'a text without colons, commas and line breaks')
const path = z.string().regex(/^\/[^:\n\r]*$/, 'an absolute path')
export const userArguments = {
  name,
  uid: number.optional().describe('the number; without it the next one that is free'),
  gid: z
    .union([number, z.string().min(1)])
    .optional()
    .describe('the primary group, its number or name'),
  usergroup: z.boolean().optional().describe('a new user has a group of the same name as its primary one'),
  groups: z.array(z.string()).optional().describe('groups beside the primary one; they must be there'),
  optional_groups: z.array(z.string()).optional().describe('the same, of those that are there'),
  remove_groups: z.boolean().default(true).describe('False: groups that are not given stay'),
  home: path.optional().describe('the home folder; one that is there is not moved'),
  createhome: z.boolean().default(true).describe('a new user gets a home folder'),
  password: z
    .string()
    .regex(/^(?:[!*]{1,2}|!?\$[^:\s]+)$/, "the hash of a password, as 'openssl passwd -6' makes it")
    .optional()
    .describe("the hash of the password, as 'openssl passwd -6' makes it; '!' for none; take it from the pillar"),
  enforce_password: z.boolean().default(true).describe('False: a password that is there stays'),
  shell: path.optional().describe('the login shell'),
  unique: z.boolean().default(true).describe('False: another user may have the same number'),
  system: z.boolean().default(false).describe('a new user has a number of those of the system'),
  fullname: text.optional().describe("the person's name"),
  roomnumber: text.optional().describe('the room'),
  workphone: text.optional().describe('the telephone at work'),
  homephone: text.optional().describe('the telephone at home'),
  other: text.optional().describe('whatever else is to be said'),
  allow_uid_change: z
    .boolean()
    .default(false)
    .describe('the number of a user that is there may change; files keep theirs'),
  allow_gid_change: z.boolean().default(false).describe('the same of the primary group'),
}

export type UserArguments = { [K in keyof typeof userArguments]: z.output<(typeof userArguments)[K]> }

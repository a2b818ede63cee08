// Module `http`: HTTP requests from a minion.
import { httpQuery } from '../alerts/http.ts'
import { execution } from '../functions/define.ts'

export const query = execution(httpQuery)

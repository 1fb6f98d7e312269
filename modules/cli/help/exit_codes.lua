return [[
0     done
1     failed
2     wrong usage or configuration; nothing was done
3     refused: by a gate, or by the procedure itself
4     not authorised
5     the deployment was rolled back
75    waiting for a person (--no-wait), locked, or carried out by another process; `fairlead resume` goes on
130   interrupted; `fairlead resume` goes on

--json's last line has the same as `outcome`, with a stable code in `reason`.
]]

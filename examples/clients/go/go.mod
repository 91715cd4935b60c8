module example.org/quorum-clients

go 1.22
